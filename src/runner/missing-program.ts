import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { STANDARD_PATH } from './script-environment.ts'

/** The first of these programs that is not where scripts look for programs. */
export function missingProgram(programs: readonly string[]): string | undefined {
  const folders = STANDARD_PATH.split(':')
  return programs.find((program) => !folders.some((folder) => isExecutable(join(folder, program))))
}

/** Whether there is a program that we may start. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not there, or not for us.
    return false
  }
}
