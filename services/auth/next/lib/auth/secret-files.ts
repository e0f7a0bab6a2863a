/** A secret `NAME` may be in the file that `NAME_FILE` names, as in a container: variables are shown to who asks it. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { Refused } from "./refused.ts";

const LARGEST = 65536; // bytes; a larger file is not a secret

/** The values of those names that are in files; throws Refused, without a value in its message. */
export function secretFiles(env: Record<string, string | undefined>, names: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const path = env[`${name}_FILE`];
    if (!path) continue;
    const value = readSecret(name, path);
    if (env[name] && env[name] !== value) throw new Refused(`${name} and ${name}_FILE are both set, and differ (unset one of them)`);
    found[name] = value;
  }
  return found;
}

/** Its content without the line break at its end. */
function readSecret(name: string, path: string): string {
  const bytes = Buffer.alloc(LARGEST + 1);
  let file: number | undefined;
  let size = 0;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(file).isFile()) throw new Refused(`${name}_FILE: ${path} is not a file`);
    for (let more = 1; more > 0 && size < bytes.length; size += more) more = readSync(file, bytes, size, bytes.length - size, null);
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(`${name}_FILE: ${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown"}`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
  if (size > LARGEST) throw new Refused(`${name}_FILE: ${path} is larger than ${LARGEST} bytes`);
  let value: string;
  try {
    value = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, size)).replace(/\r?\n$/, "");
  } catch {
    throw new Refused(`${name}_FILE: ${path} is not UTF-8 text`);
  }
  if (!value) throw new Refused(`${name}_FILE: ${path} is empty`);
  return value;
}
