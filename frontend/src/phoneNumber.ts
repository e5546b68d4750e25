const MTN = /^237(67|65[0-4]|68[0-3])/;
const ORANGE = /^237(69|65[5-9]|640|68[5-9])/;

/** Converts a number in any spelling to the API's: 237, 6, then eight digits. Returns null for any other number. */
export function parsePhoneNumber(text: string): string | null {
  const digits = text.replace(/[\s().-]/g, "").replace(/^(\+|00)?237(?=6)/, "");
  return /^6[0-9]{8}$/.test(digits) ? `237${digits}` : null;
}

/** Guesses the operator by the prefix, for the form. Numbers may be ported, so that CamPay decides. */
export function operatorHint(phoneNumber: string): "MTN" | "Orange" | null {
  if (MTN.test(phoneNumber)) return "MTN";
  return ORANGE.test(phoneNumber) ? "Orange" : null;
}

/** Writes a number of the API's as it is read out: 6 77 77 77 77. */
export function spokenNumber(phoneNumber: string): string {
  return phoneNumber.replace(/^237/, "").replace(/\B(?=(\d\d)+$)/g, "\u00a0");
}

/** Whether a number may be the masked one: they differ only where the mask has a `*`. */
export function hasMask(phoneNumber: string, masked: string): boolean {
  return phoneNumber.length === masked.length && [...masked].every((it, at) => it === "*" || it === phoneNumber[at]);
}
