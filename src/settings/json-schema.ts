/** The settings as a JSON Schema, for editors. What depends on several settings is not in it. */
import type { Settings } from "./setting.ts";

export function jsonSchemaOf(settings: Settings): object {
  const properties = Object.entries(settings).map(([key, setting]) => {
    const { type, about, default: usual } = setting;
    const value = usual === undefined ? {} : { default: type.write(usual) };
    return [key, { description: about, ...type.schema, ...value }] as const;
  });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Settings of a Kibitzer node",
    type: "object",
    additionalProperties: false,
    properties: { $schema: { type: "string" }, ...Object.fromEntries(properties) },
  };
}
