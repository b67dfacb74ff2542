import { Console } from 'node:console'
import { existsSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { DockerToolsError } from '#errors'

/**
 * Loads a module of somebody else: `dockertools` is this program for it, and its console is stderr.
 *
 * @param shown The path as it was given, in quotes.
 * @throws {DockerToolsError} `DEFINITION_INVALID`, and what the module throws of ours.
 */
export async function loadModule(path: string, shown: string): Promise<Readonly<Record<string, unknown>>> {
  prepare()
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    if (error instanceof DockerToolsError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    const origin = originOf(error)
    const where = origin === undefined || origin.path === path ? '' : `, in "${origin.path}" line ${origin.line}`
    const hint = moduleHint(reason, origin?.path ?? path)
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot load ${shown}: ${reason}${where}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    })
  }
}

/** The first place in the stack that is neither Node's nor ours. */
function originOf(error: unknown): { readonly path: string; readonly line: number } | undefined {
  const lines = (error instanceof Error ? (error.stack ?? '') : '').split('\n')
  for (const [index, line] of lines.entries()) {
    // Errors of syntax begin with the place, others have it in their frames.
    const [, file = '', number] =
      (index === 0 ? /^((?:file:\/)?\/.*):(\d+)$/ : /^ {4}at (?:.*\()?((?:file:\/)?\/.*?):(\d+):\d+\)?$/).exec(line) ??
      []
    const path = file.startsWith('file:') ? fileURLToPath(file) : file
    if (path !== '' && !path.startsWith(join(import.meta.dirname, '/'))) return { path, line: Number(number) }
  }
  return undefined
}

const NO_MODULE =
  /^(?:Cannot use (?:import statement|'import\.meta') outside a module|Unexpected token 'export'|await is only valid)/

/** What to do where Node takes a module for CommonJS. */
function moduleHint(reason: string, path: string): string | undefined {
  if (!NO_MODULE.test(reason)) return undefined
  const better = basename(path).replace(/\.c?([jt]s)$/, '.m$1')
  if (/\.c[jt]s$/.test(path)) return `Call it "${better}": what ends with c${path.slice(-2)} is CommonJS`
  const packageFile = packageOf(path)
  return packageFile === undefined ? undefined : `Call it "${better}", or set "type": "module" in "${packageFile}"`
}

/** The `package.json` that says what a file is, where it says CommonJS. */
function packageOf(path: string): string | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file)) return /"type"\s*:\s*"commonjs"/.test(readFileSync(file, 'utf8')) ? file : undefined
    if (folder === dirname(folder)) return undefined
  }
}

let isPrepared = false

function prepare(): void {
  if (isPrepared) return
  isPrepared = true
  answerForPackage()
  // stdout carries results only.
  Object.assign(console, new Console(process.stderr))
  dropOwnWarning()
}

/** A definition may import `dockertools` from any folder: this program is what it gets. */
function answerForPackage(): void {
  const entrance = import.meta.resolve(import.meta.url.endsWith('.ts') ? '../index.ts' : './index.js')
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'dockertools' ? { url: entrance, shortCircuit: true } : next(specifier, context),
  })
}

/** Node warns of modules in CommonJS packages; our error says it with the hint. */
function dropOwnWarning(): void {
  const listeners = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.message.startsWith('Failed to load the ES module')) return
    for (const listener of listeners) listener.call(process, warning)
  })
}
