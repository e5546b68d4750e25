/** The oldest browsers in which a customer can pay: Chrome 80 (and Samsung Internet 13, which is one), Safari 13. Builds
 * lower the syntax and the CSS to these; `tsconfig.shipped.json` refuses what their libraries do not have.
 */
export const OLDEST_BROWSERS = ["chrome80", "safari13"];
