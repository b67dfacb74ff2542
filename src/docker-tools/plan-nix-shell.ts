import { dirname } from 'node:path'
import { findPlaceholders, type PathLike, type Realisable, resolvePath, textFile, thisSystem } from '#derivation'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import { jsonObject, sortJson } from '#image'
import { choosePackage, isHostProgram } from '#packages'
import type { StorePath } from '#store'
import { binSh } from './bin-sh.ts'
import type { BuildContext } from './build-context.ts'
import { CACERT, CA_BUNDLE } from './ca-certificates.ts'
import { chooseShellBash } from './choose-shell-bash.ts'
import { fakeNss } from './fake-nss.ts'
import { nixShellEnvironment } from './nix-shell-environment.ts'
import { buildScript, shellStartFile } from './nix-shell-scripts.ts'
import { readShellDerivation, type ShellDerivation } from './read-shell-derivation.ts'
import { BUILD_DIRECTORY, type ResolvedNixShellArgs } from './resolve-nix-shell-args.ts'
import type { ResolvedLayeredArgs } from './resolve-layered-args.ts'
import { usrBinEnv } from './usr-bin-env.ts'

/** The image underneath a nix-shell image. */
export interface NixShellPlan {
  readonly args: ResolvedLayeredArgs
  /** Paths that it names and does not refer to: what is still to be built in it. */
  readonly unreferenced: readonly StorePath[]
}

/**
 * Decides what a nix-shell image has: scripts, environment, configuration.
 *
 * @throws {DockerToolsError} as `readShellDerivation`, and `PACKAGE_MISSING`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `streamNixShellImage`
 */
export async function planNixShell(given: ResolvedNixShellArgs, context: BuildContext): Promise<NixShellPlan> {
  const { homeDirectory, command, run, uid, gid } = given
  const drv = await readShellDerivation(given.drv, given.drvName, context)
  noteSystem(drv, given.layered.architecture)
  const bash = await chooseShellBash(drv, context)
  const shell = given.shell ?? `${String(bash.package)}/bin/bash`
  // A store path that is asked for has to be there.
  if (shell.startsWith(`${context.store.dir}/`)) await resolvePath(context.session, shell)

  const unreferenced = [...drv.outputs.values()]
  const makeText = (name: string, text: string, more: object = {}): string =>
    String(textFile('streamNixShellImage', { name, text, ...more }, unreferenced))
  const program = buildScript(`${String(bash.package)}/bin/bash`, drv.builder, drv.args)
  const builder = makeText('buildDerivation', program, { executable: true, destination: '/bin/buildDerivation' })
  const staticPath = `${dirname(shell)}:${builder}/bin`
  const start = makeText('nix-shell-rc', shellStartFile({ shell, staticPath, command, run }))
  const passedFiles = new Map(
    [...drv.variables]
      .filter(([name]) => drv.passAsFile.has(name))
      .map(([name, value]) => [name, makeText(passedFileName(name), value)]),
  )
  const environment = nixShellEnvironment({
    variables: drv.variables,
    passedFiles,
    staticPath,
    homeDirectory,
    storeDir: context.store.dir,
    certificates: await chooseCertificates(context),
  })
  const config = jsonObject({
    Cmd: run === null ? [shell, '--rcfile', start] : [shell, start],
    Env: environment,
    User: `${uid}:${gid}`,
    WorkingDir: BUILD_DIRECTORY,
  })
  const contents = [
    binSh({ bash: bash.package }),
    usrBinEnv(),
    fakeNss({
      extraPasswdLines: [`nixbld:x:${uid}:${gid}:Build user:${homeDirectory}:/noshell`],
      extraGroupLines: [`nixbld:!:${gid}:`],
    }),
    ...bash.beside,
    ...hostProgramsIn([shell, drv.builder, ...drv.args, ...drv.variables.values()], bash.package),
  ]
  return { args: { ...given.layered, contents, config: sortJson(config) }, unreferenced }
}

/** Names of variables may have what names of store paths cannot. */
function passedFileName(variable: string): string {
  return `shell-passAsFile-${variable.replaceAll(/[^0-9A-Za-z+._?=-]/g, '_')}`.slice(0, 200)
}

function noteSystem({ name, system }: ShellDerivation, architecture: string): void {
  if (system === thisSystem() || system === 'builtin') return
  const message = `derivation "${name}" is for the system "${system}", the image is for the architecture "${architecture}"`
  report({ type: 'warning', code: 'SYSTEM_DIFFERS', message })
}

/**
 * Programs of this machine that the texts name: without their loaders and libraries in the image's root they would
 * not start.
 *
 * @param linked What is linked there already.
 */
function hostProgramsIn(texts: readonly string[], linked: PathLike): Realisable[] {
  const found = new Set(texts.flatMap((text) => [...findPlaceholders(text).values()]))
  return [...found].filter((value) => isHostProgram(value) && value !== linked)
}

/** The certificates of authorities, for programs that use the internet. The image is of use without. */
async function chooseCertificates({ session }: BuildContext): Promise<string | undefined> {
  try {
    const cacert = await choosePackage(session, { ...CACERT, helper: 'streamNixShellImage' })
    return `${String(cacert)}/${CA_BUNDLE}`
  } catch (error) {
    if (!(error instanceof DockerToolsError) || error.code !== 'PACKAGE_MISSING') throw error
    report({ type: 'warning', code: 'NO_CERTIFICATES', message: `the image has no certificates: ${error.message}` })
    return undefined
  }
}
