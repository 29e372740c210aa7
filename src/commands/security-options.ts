/** What the options of a command say of security: what is shown to others, and asked of them. */
import type { SecurityOptions } from "../access/security.ts";
import type { ClientOptions } from "../client.ts";
import type { NodeOptions } from "../settings/node-settings.ts";
import type { CredentialFlags } from "./options.ts";

/** A token is given by a file or the environment, never by a flag, which other users could read. */
export function credentialsOf(
  flags: CredentialFlags,
  environment: NodeJS.ProcessEnv,
): Pick<ClientOptions, "tls" | "token"> {
  const { tlsCert: cert, tlsKey: key, tlsCa: ca, tokenFile: file } = flags;
  const tls = {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
  };
  const { KIBITZER_TOKEN: told = "" } = environment;
  return {
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(file === undefined ? {} : { token: { file } }),
    ...(file === undefined && told !== "" ? { token: told } : {}),
  };
}

export function securityOf(flags: NodeOptions, environment: NodeJS.ProcessEnv): SecurityOptions {
  const { tls, token } = credentialsOf(flags, environment);
  const { tlsClientCa: clientCa, tokens, clientRate } = flags;
  const withClients = clientCa === undefined ? tls : { ...tls, clientCa };
  return {
    ...(withClients === undefined ? {} : { tls: withClients }),
    ...(token === undefined ? {} : { token }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(clientRate === undefined ? {} : { requestsPerSecondMax: clientRate }),
  };
}
