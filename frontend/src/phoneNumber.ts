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
