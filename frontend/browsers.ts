/** The oldest browsers that the pages are built for: Chrome 80 (and Samsung Internet 13, which is one), Safari 13. Builds
 * lower the syntax to these; `tsconfig.shipped.json` refuses what the language's own library did not have in 2019, and
 * `src/oldBrowsers.test.ts` what their interfaces did not have, in the packages that are built in too.
 */
export const OLDEST_BROWSERS = ["chrome80", "safari13"];
