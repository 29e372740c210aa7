/** Whether the Node that runs this is new enough. Imports nothing, so that any Node can ask it. */

/** As `engines` of package.json says. */
const least = { major: 22, minor: 18 };

/** What to tell the user of a Node that is too old; null when it is not. */
export function nodeTooOld(version: string): string | null {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  if (major > least.major || (major === least.major && minor >= least.minor)) return null;
  return (
    `kibitz: needs Node.js ${least.major}.${least.minor} or later, found ${version}. ` +
    "Install a newer Node.js and start kibitz again."
  );
}
