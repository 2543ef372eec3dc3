/** The head of a fragment, and the function codes that the test peers know. @source IEEE 1815-2012 4.2.2 */
export const CONTROL = { fir: 0x80, fin: 0x40, con: 0x20, uns: 0x10, sequence: 0x0f } as const;
/** Application control, function, internal indications. */
export const RESPONSE_HEAD = 4;

export const FUNCTION = {
  confirm: 0,
  read: 1,
  write: 2,
  select: 3,
  operate: 4,
  directOperate: 5,
  directOperateNoReply: 6,
  freeze: 7,
  freezeNoReply: 8,
  freezeClear: 9,
  freezeClearNoReply: 10,
  coldRestart: 13,
  warmRestart: 14,
  enableUnsolicited: 20,
  disableUnsolicited: 21,
  assignClass: 22,
  delayMeasure: 23,
  recordTime: 24,
  openFile: 25,
  closeFile: 26,
  deleteFile: 27,
  fileInfo: 28,
  abortFile: 30,
  response: 129,
  unsolicited: 130,
  authResponse: 131,
} as const;
