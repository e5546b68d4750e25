const MTN = /^237(67|65[0-4]|68[0-3])/;
const ORANGE = /^237(69|65[5-9]|640|68[5-9])/;

/** What a customer types, in any spelling, as the API wants it: 237, then 6, then eight digits. Null for no such number. */
export function parsePhoneNumber(text: string): string | null {
  const digits = text.replace(/[\s().-]/g, "").replace(/^(\+|00)?237(?=6)/, "");
  return /^6[0-9]{8}$/.test(digits) ? `237${digits}` : null;
}

/** The operator that the prefix suggests, for the form; numbers are ported, and CamPay decides. */
export function operatorHint(phoneNumber: string): "MTN" | "Orange" | null {
  if (MTN.test(phoneNumber)) return "MTN";
  return ORANGE.test(phoneNumber) ? "Orange" : null;
}
