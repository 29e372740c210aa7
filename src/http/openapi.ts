/** `GET /v1/openapi.json`: the description of this interface, as it is in the package. */
import { readFile } from "node:fs/promises";
import type { Route } from "./route.ts";

/** Compiled, this file is one folder deeper. */
const root = import.meta.url.endsWith(".ts") ? "../../" : "../../../";

export function openapiRoutes(): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/openapi.json",
      role: "none",
      answer: async () => {
        const text = await readFile(new URL(`${root}docs/openapi.json`, import.meta.url), "utf8");
        return new Response(text, { headers: { "Content-Type": "application/json" } });
      },
    },
  ];
}
