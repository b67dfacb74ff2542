import { X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { Environment, TlsOptions } from '#http'
import { homeDirectory } from '#util'

/**
 * The certificates that this machine has for a registry, as Docker and podman keep them.
 *
 * @param directory The folder; undefined for the usual ones, which need not be there.
 * @param origin The only one that our own certificates are shown to.
 * @throws {DockerToolsError} `FILE_UNREADABLE`; `FORMAT_INVALID` for what is no certificate, or has not its key.
 */
export async function readCertificates(
  registry: string,
  origin: string,
  directory: string | undefined,
  environment: Environment,
): Promise<Pick<TlsOptions, 'authorities' | 'identity'>> {
  const folders = directory === undefined ? usualFolders(registry, environment) : [directory]
  for (const folder of folders) {
    const names = await listFolder(folder, directory !== undefined)
    if (names !== undefined) return await readFolder(folder, names, origin)
  }
  return {}
}

function usualFolders(registry: string, environment: Environment): readonly string[] {
  const home = homeDirectory(environment)
  const parents = [join(home, '.config', 'containers'), '/etc/containers', '/etc/docker']
  return parents.map((parent) => join(parent, 'certs.d', registry))
}

async function listFolder(folder: string, isNamed: boolean): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(folder)).toSorted(byCodeUnits)
  } catch (error) {
    if (!isNamed && ['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemErrorCode(error) ?? '')) return undefined
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read the certificates in "${folder}"`, { cause: error })
  }
}

async function readFolder(
  folder: string,
  names: readonly string[],
  origin: string,
): Promise<Pick<TlsOptions, 'authorities' | 'identity'>> {
  const read = (name: string): Promise<string> => readText(join(folder, name))
  const authorities = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read))
  const own = names.filter((name) => name.endsWith('.cert')).map((name) => name.slice(0, -'.cert'.length))
  const keyless = own.find((name) => !names.includes(`${name}.key`))
  if (keyless !== undefined) {
    const message = `Cannot use the certificate "${join(folder, keyless)}.cert": its key "${keyless}.key" should lie beside it`
    throw new DockerToolsError('FORMAT_INVALID', message)
  }
  const certificates = await Promise.all(own.map((name) => read(`${name}.cert`)))
  const keys = await Promise.all(own.map((name) => read(`${name}.key`)))
  checkFiles(folder, names, authorities)
  for (const [index, name] of own.entries()) {
    checkPair(join(folder, name), certificates[index] ?? '', keys[index] ?? '')
  }
  return {
    authorities,
    ...(own.length === 0 ? {} : { identity: { origin, certificates, keys } }),
  }
}

/** Found out here: in the middle of a connection, nobody could say which file it was. */
function checkFiles(folder: string, names: readonly string[], authorities: readonly string[]): void {
  const files = names.filter((name) => name.endsWith('.crt'))
  for (const [index, name] of files.entries()) {
    try {
      void new X509Certificate(authorities[index] ?? '')
    } catch (error) {
      throw unusable(`certificate "${join(folder, name)}"`, 'it should be in PEM', error)
    }
  }
}

function checkPair(path: string, cert: string, key: string): void {
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ cert, key })
  } catch (error) {
    throw unusable(
      `certificate "${path}.cert"`,
      `it and "${path}.key" should be a pair in PEM, without a passphrase`,
      error,
    )
  }
}

function unusable(what: string, reason: string, cause: unknown): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot use the ${what}: ${reason}`, { cause })
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read certificate "${path}"`, { cause: error })
  }
}

/** Of two certificates that would both do, the same one is shown every time. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
