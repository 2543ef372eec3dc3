/** Exception codes of a device's reply. @source MODBUS Application Protocol V1.1b3 section 7; 7 is named by sections 6.8 and 6.10 only. */

export const EXCEPTIONS: ReadonlyMap<number, string> = new Map([
  [1, "illegalFunction"],
  [2, "illegalDataAddress"],
  [3, "illegalDataValue"],
  [4, "serverDeviceFailure"],
  [5, "acknowledge"],
  [6, "serverDeviceBusy"],
  [7, "negativeAcknowledge"],
  [8, "memoryParityError"],
  [10, "gatewayPathUnavailable"],
  [11, "gatewayTargetDeviceFailedToRespond"],
]);

export function exceptionName(code: number): string {
  return EXCEPTIONS.get(code) ?? `exception ${code}`;
}

/** Any other code is a reply too; the record says `unknownException`. */
export function isKnownException(code: number): boolean {
  return (code >= 1 && code <= 8) || code === 10 || code === 11;
}

/**
 * After these the device may have acted, may still, or not: it failed half-way (4), took the work and goes on (5), or lies behind a gateway
 * that lost sight of it (11). RULINGS 22: `indeterminate` for a write.
 */
export function leavesDoubt(code: number): boolean {
  return code === 4 || code === 5 || code === 11;
}
