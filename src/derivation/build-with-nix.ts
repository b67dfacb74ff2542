import { spawnChecked } from '#util'
import type { StorePath } from '#store'
import { isMade } from './is-made.ts'
import { type Instance, instantiate } from './instance.ts'
import type { RealiseOptions, RealiseSession } from './realisable.ts'

/**
 * Hands a derivation to an installed Nix, which builds it, and what it is built
 * from, into the local store, with the machine's own settings: so also by its
 * remote builders.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 * @throws {DockerToolsError} `PROGRAM_MISSING` without `nix-store`; `INTERRUPTED`.
 */
export async function buildWithNix(
  session: RealiseSession,
  instance: Instance,
  output: string,
  { isRebuild }: RealiseOptions,
): Promise<StorePath> {
  const { written, values } = instance
  const path = written.outputs.get(output)!
  if (!isRebuild && (await isMade(session, path))) return path
  const { root } = session.writable
  await session.once(`nix ${isRebuild} ${written.path}`, async () => {
    // Nix knows neither our own builders, nor what only the other stores have.
    await session.all(values.map((value) => session.realise(value)))
    await instantiate(session, instance)
    await session.bring(instance.inputs)
    await session.inTurn(async () => {
      const check = isRebuild ? ['--check'] : []
      await spawnChecked('nix-store', ['--store', root, '--realise', ...check, '--no-gc-warning', written.path], {
        step: `nix-store for "${instance.spec.name}"`,
        cwd: '/',
        env: nixEnvironment(),
        signal: session.signal,
      })
    })
  })
  await session.writable.keep([path])
  return path
}

/** Nix finds its settings and its remote builders by these. */
function nixEnvironment(): Record<string, string> {
  const names = [
    'PATH',
    'HOME',
    'USER',
    'NIX_CONFIG',
    'NIX_CONF_DIR',
    'NIX_USER_CONF_FILES',
    'NIX_REMOTE_SYSTEMS',
    'NIX_SSHOPTS',
    'SSH_AUTH_SOCK',
    'XDG_CONFIG_HOME',
    'XDG_CACHE_HOME',
    'NIX_SSL_CERT_FILE',
    'SSL_CERT_FILE',
    'TMPDIR',
  ]
  const env: Record<string, string> = {}
  for (const name of names) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  return env
}
