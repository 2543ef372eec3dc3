/* A libmodbus client: asks through the gate and says what came back, one line a step. usage: client PORT */
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>

static void say(const char *what, int rc) {
  if (rc < 0)
    printf("%s: %s\n", what, modbus_strerror(errno));
  else
    printf("%s: %d\n", what, rc);
}

int main(int argc, char **argv) {
  uint16_t words[8] = {0};
  uint8_t bits[8] = {1, 0, 1, 1};
  if (argc < 2) return 2;
  modbus_t *bus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
  modbus_set_slave(bus, 1);
  if (modbus_connect(bus) != 0) return 3;
  say("write register", modbus_write_register(bus, 10, 1234));
  say("read registers", modbus_read_registers(bus, 10, 2, words));
  printf("value: %u\n", words[0]);
  words[0] = 7, words[1] = 8, words[2] = 9;
  say("write registers", modbus_write_registers(bus, 20, 3, words));
  say("write bits", modbus_write_bits(bus, 5, 4, bits));
  say("read bits", modbus_read_bits(bus, 5, 4, bits));
  printf("bits: %u%u%u%u\n", bits[0], bits[1], bits[2], bits[3]);
  say("mask write", modbus_mask_write_register(bus, 10, 0xfff0, 0x000a));
  say("write and read", modbus_write_and_read_registers(bus, 30, 1, words, 20, 3, words));
  say("denied register", modbus_write_register(bus, 500, 1));
  say("denied bit", modbus_write_bit(bus, 500, 1));
  say("read again", modbus_read_registers(bus, 10, 1, words));
  printf("value: %u\n", words[0]);
  modbus_close(bus);
  modbus_free(bus);
  return 0;
}
