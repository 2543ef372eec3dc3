"""A pymodbus client: asks through the gate and says what came back, one JSON object. usage: client.py PORT"""

import json
import sys

from pymodbus.client import ModbusTcpClient
from pymodbus.mei_message import ReadDeviceInformationRequest
from pymodbus.other_message import ReportSlaveIdRequest

client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]))
assert client.connect()


def told(reply):
    if reply.isError():
        return {"exception": getattr(reply, "exception_code", str(reply))}
    for name in ("registers", "bits"):
        if hasattr(reply, name) and getattr(reply, name):
            return getattr(reply, name)
    return "ok"


said = {
    "write": told(client.write_register(10, 321, slave=1)),
    "read": told(client.read_holding_registers(10, 3, slave=1)),
    "input": told(client.read_input_registers(0, 2, slave=1)),
    "coils": told(client.write_coils(4, [True, False, True], slave=1)),
    "bits": told(client.read_coils(4, 3, slave=1))[:3],
    "many": told(client.write_registers(20, [1, 2, 3], slave=1)),
    "mask": told(client.mask_write_register(10, 0xFF00, 0x0001, unit=1)),
    "both": told(client.readwrite_registers(read_address=20, read_count=3, write_address=30, write_registers=[9], unit=1)),
    "denied": told(client.write_register(500, 1, slave=1)),
    "denied coil": told(client.write_coil(500, True, slave=1)),
    "other unit": told(client.read_holding_registers(0, 1, slave=9)),
    "identify": told(client.execute(ReadDeviceInformationRequest(read_code=1, object_id=0, unit=1))),
    "server id": told(client.execute(ReportSlaveIdRequest(unit=1))),
}
client.close()
print(json.dumps(said))
