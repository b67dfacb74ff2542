import type { RegistryPullOptions } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { type CommandInput, type CommandOption, textOption } from './command.ts'
import { reporterOf } from './session.ts'

/** Options of every command that talks to registries. */
export const REGISTRY_OPTIONS: Readonly<Record<string, CommandOption>> = {
  'tls-verify': {
    type: 'string',
    valueName: 'true|false',
    description: 'false takes any certificate, and plain HTTP; default true, except that localhost may be plain',
  },
  'cert-dir': {
    type: 'string',
    valueName: 'DIR',
    description:
      'Certificates for the registry: *.crt, *.cert with *.key; default: /etc/docker/certs.d/HOST and podman’s',
  },
}

/** What these options say. @throws {DockerToolsError} `USAGE`. */
export function registryOptions(input: CommandInput): RegistryPullOptions {
  const tlsVerify = textOption(input, 'tls-verify') ?? 'true'
  if (tlsVerify !== 'true' && tlsVerify !== 'false') {
    throw new DockerToolsError('USAGE', `Cannot use "${tlsVerify}" as --tls-verify: it should be "true" or "false"`)
  }
  const certificatesDirectory = textOption(input, 'cert-dir')
  return {
    tlsVerify: tlsVerify === 'true',
    ...(certificatesDirectory === undefined ? {} : { certificatesDirectory }),
    onEvent: reporterOf(input),
  }
}
