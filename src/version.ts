/** The versions of this software: the package's, for people, and the protocol's, for machines. */

/** Equal to `version` in package.json; a test compares them. */
export const version = "0.1.0";

/** Of everything the codecs carry between nodes; both sides of a connection must have the same. */
export const protocolVersion = 1;
