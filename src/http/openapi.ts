/** `GET /v1/openapi.json`: the description of this interface, as it is in the package. */
import { readFile } from "node:fs/promises";
import type { Route } from "./route.ts";

/** Of the package, wherever this stands in it. */
const root = import.meta.resolve("kibitzer/package.json");

export function openapiRoutes(): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/openapi.json",
      role: "none",
      answer: async () => {
        const text = await readFile(new URL("docs/openapi.json", root), "utf8");
        return new Response(text, { headers: { "Content-Type": "application/json" } });
      },
    },
  ];
}
