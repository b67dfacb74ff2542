import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DERIVATIONS, type DerivationCase, FIXED_ALGORITHMS, FIXED_FILES, makeTrees, TEXTS } from './path-cases.ts'

/** Nix's answers: a path for each case, for derivations `ID`, `ID.drv` and `ID.OUTPUT`; `ID!text` is the `.drv` file. */
export type NixAnswers = Readonly<Record<string, string>>

/** An environment for a real Nix that touches nothing outside `folder`. */
export function nixEnvironment(folder: string): Readonly<Record<string, string | undefined>> {
  mkdirSync(join(folder, 'conf'), { recursive: true })
  const settings = ['experimental-features = nix-command', 'substituters =', 'sandbox = false', 'build-users-group =']
  writeFileSync(join(folder, 'conf/nix.conf'), `${settings.join('\n')}\n`)
  const { PATH } = process.env
  return { PATH, HOME: folder, XDG_CACHE_HOME: join(folder, 'cache'), NIX_CONF_DIR: join(folder, 'conf') }
}

/** Asks a real Nix for every path, with a store of its own below `folder`. */
export function askNix(folder: string): NixAnswers {
  const trees = join(folder, 'trees')
  mkdirSync(trees)
  const names = makeTrees(trees)
  const env = nixEnvironment(folder)
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, ['--store', join(folder, 'store'), ...args], {
      env,
      cwd: trees,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
      .toString()
      .trimEnd()
  const answers: Record<string, string> = {}
  const added = run('nix-store', '--add', ...names.map((name) => `./${name}`)).split('\n')
  for (const [index, name] of names.entries()) answers[`add ${name}`] = added[index]!
  for (const algorithm of FIXED_ALGORITHMS) {
    for (const flags of [[], ['--recursive']]) {
      const paths = run('nix-store', '--add-fixed', ...flags, algorithm, ...FIXED_FILES).split('\n')
      for (const [index, name] of FIXED_FILES.entries())
        answers[`${['fixed', ...flags].join(' ')} ${algorithm} ${name}`] = paths[index]!
    }
  }
  writeFileSync(join(folder, 'cases.nix'), expression())
  const told = run('nix-instantiate', '--eval', '--strict', '--json', join(folder, 'cases.nix'))
  return { ...answers, ...(JSON.parse(told) as NixAnswers) }
}

function expression(): string {
  const texts = TEXTS.map(({ id, name, text }) => `  "${id}" = builtins.toFile "${name}" ${nixString(text)};`)
  const derivations = DERIVATIONS.map((one) => `  "${one.id}" = derivation ${attributes(one)};`)
  const told = [
    ...TEXTS.map(({ id }) => `  "${id}" = all."${id}";`),
    ...DERIVATIONS.flatMap(({ id, outputs = ['out'] }) => [
      `  "${id}!drv" = all."${id}".drvPath;`,
      ...outputs.map((output) => `  "${id}.${output}" = all."${id}"."${output}".outPath;`),
    ]),
  ]
  const plain = 'builtins.mapAttrs (name: builtins.unsafeDiscardStringContext)'
  return `let all = rec {\n${[...texts, ...derivations].join('\n')}\n}; in ${plain} {\n${told.join('\n')}\n}\n`
}

function attributes({
  name,
  system = 'builtin',
  builder = '/bin/sh',
  args,
  env = {},
  outputs,
  fixed,
}: DerivationCase): string {
  const pairs = Object.entries({ name, system, builder, ...env }).map(
    ([key, value]) => `"${key}" = ${nixString(value)};`,
  )
  if (args !== undefined) pairs.push(`args = [ ${args.map(nixString).join(' ')} ];`)
  if (outputs !== undefined) pairs.push(`outputs = [ ${outputs.map(nixString).join(' ')} ];`)
  if (fixed !== undefined) {
    pairs.push(`outputHashMode = "${fixed.mode}"; outputHashAlgo = "${fixed.algorithm}";`)
    pairs.push(`outputHash = builtins.hashString "${fixed.algorithm}" "${fixed.mode}";`)
  }
  return `{ ${pairs.join(' ')} }`
}

/** `@{ID.OUTPUT}` becomes what Nix would have in its place. A bare CR would be read as LF. */
function nixString(text: string): string {
  const escaped = text.replaceAll(/["\\$]/g, String.raw`\$&`).replaceAll('\r', String.raw`\r`)
  return `"${escaped.replaceAll(/@\{([a-z0-9-]+)(?:\.([a-z]+))?\}/g, (_, id: string, output?: string) =>
    output === undefined ? `\${all."${id}"}` : `\${all."${id}"."${output}"}`,
  )}"`
}
