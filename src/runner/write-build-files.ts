import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes the files that a builder finds where it starts. */
export async function writeBuildFiles(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, content] of files) await writeFile(join(folder, name), content)
}
