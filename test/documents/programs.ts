/** The programs of the documentation: TypeScript, joined where a block goes on with another. */
import type { CodeBlock } from "./code-blocks.ts";

export interface Program {
  readonly page: string;
  /** Its page and number, as a file is called. */
  readonly name: string;
  readonly code: string;
  /** What its comments behind `console.log(…);` say that it prints. */
  readonly prints: string;
  readonly isRun: boolean;
}

/**
 * A block goes on with the one before on its page, unless it imports what that has imported
 * already: then a program of its own begins.
 */
export function programsOf(blocks: readonly CodeBlock[]): readonly Program[] {
  const programs: Program[] = [];
  for (const { page, language, code, notRun } of blocks) {
    if (language !== "ts") continue;
    const before = programs.at(-1);
    const isRun = notRun === null;
    if (before?.page === page && before.isRun === isRun && !isImportedAgain(before.code, code)) {
      programs.pop();
      programs.push(programOf(before, before.code + code));
      continue;
    }
    const number = programs.filter((program) => program.page === page).length + 1;
    const name = `${page.replaceAll(/[/.]/g, "-")}-${number}`;
    programs.push(programOf({ page, name, isRun }, code));
  }
  return programs;
}

function programOf(
  { page, name, isRun }: Pick<Program, "page" | "name" | "isRun">,
  code: string,
): Program {
  const said = [...code.matchAll(/^ *console\.log\(.*\); \/\/ (.*)$/gm)];
  return { page, name, code, prints: said.map(([, text]) => `${text}\n`).join(""), isRun };
}

function isImportedAgain(before: string, code: string): boolean {
  const names = importedBy(before);
  return importedBy(code).some((name) => names.includes(name));
}

function importedBy(code: string): readonly string[] {
  const clauses = [...code.matchAll(/^import \{([^}]*)\} from/gm)];
  return clauses.flatMap(([, names = ""]) => names.split(",").map((name) => name.trim()));
}
