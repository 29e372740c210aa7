/** What is shown to whom is called, and to who calls, as the transport takes it. */
import type { TlsSource } from "../../transport/index.ts";

export interface NetworkCredentials {
  readonly tls: TlsSource | null;
  readonly token: () => string | null;
}

export function credentialsIn(shown: NetworkCredentials | null): Partial<NetworkCredentials> {
  return shown === null ? {} : { tls: shown.tls, token: shown.token };
}
