/** The versions of this software: the package's, for people, and the protocol's, for machines. */

/** Equal to `version` in package.json; a test compares them. */
export const version = "0.1.0";

/**
 * Of everything that the codecs carry between nodes: this release speaks all of them, and two sides
 * take the highest that both speak. What changes when is in docs/upgrading.md.
 */
export const protocol: { readonly least: number; readonly most: number } = { least: 1, most: 1 };
