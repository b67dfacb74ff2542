/** Go's names for what Node calls `process.arch`; the others are the same. */
const GO_NAMES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  mipsel: 'mipsle',
}

/** The `architecture` of an image for this machine, in Go's words as the OCI specification asks. */
export function goArchitecture(arch: string = process.arch, isLittleEndian: boolean = LITTLE_ENDIAN): string {
  if (arch === 'ppc64' && isLittleEndian) return 'ppc64le'
  return GO_NAMES[arch] ?? arch
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
