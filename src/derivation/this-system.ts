import { DockerToolsError } from '#errors'

/** Node's names of processors in Nix's. */
const PROCESSORS: Readonly<Partial<Record<NodeJS.Architecture, string>>> = {
  x64: 'x86_64',
  arm64: 'aarch64',
  ia32: 'i686',
  arm: 'armv7l',
  riscv64: 'riscv64',
  loong64: 'loongarch64',
  s390x: 's390x',
}

/** What this machine is in Nix's words, such as `x86_64-linux`. */
export function thisSystem(): string {
  const processor = PROCESSORS[process.arch]
  if (processor === undefined) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot name the system: processor "${process.arch}" is not known`,
      {
        hint: 'Give "system"',
      },
    )
  }
  return `${processor}-${process.platform}`
}
