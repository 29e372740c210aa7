/** The door of transport/ for a browser: calls over the WebSocket that is there. */
export { createBrowserTransport } from "./browser-network.ts";
