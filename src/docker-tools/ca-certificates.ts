import { type Built, type PathLike } from '#derivation'
import { hostFile, type PackageChoice } from '#packages'
import { makeLinkHelper } from './link-helper.ts'
import { packageArgument } from './package-argument.ts'

/** Arguments of `caCertificates`. */
export interface CaCertificatesArgs {
  /** What has `etc/ssl/certs/ca-bundle.crt`. Default: `cacert` of nixpkgs (lock file, then Nix), then this machine's bundle. */
  readonly cacert?: PathLike
}

/** Where the package has them. */
export const CA_BUNDLE = 'etc/ssl/certs/ca-bundle.crt'

/** Where distributions keep theirs: Debian and Arch, Fedora, SUSE, Alpine. */
const HOST_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** Where certificates come from that nobody has given. */
export const CACERT: PackageChoice = {
  helper: 'caCertificates',
  argument: 'cacert',
  attributes: ['cacert'],
  ofHost: () => hostFile('host-ca-bundle', CA_BUNDLE, HOST_BUNDLES),
}

/**
 * Certificates of authorities, at the three places where programs of NixOS, Debian and Fedora look.
 *
 * @param args `cacert`: a package with `etc/ssl/certs/ca-bundle.crt`; without it one is looked for.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is made, `PACKAGE_MISSING`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `caCertificates`
 *
 * @example From a package of your own
 * ```ts
 * import { caCertificates, realise, writeTextDir } from 'dockertools'
 *
 * const cacert = writeTextDir('etc/ssl/certs/ca-bundle.crt', '# certificates of your own\n')
 * const { path } = await realise(caCertificates({ cacert }), { stores: ['local:./result-store'] })
 * console.log(`${path}/etc/ssl/certs/ca-certificates.crt`)
 * ```
 */
export function caCertificates(args: CaCertificatesArgs = {}): Built {
  const cacert = packageArgument('caCertificates', 'cacert', args)
  return makeLinkHelper(
    {
      name: 'ca-certificates',
      choice: CACERT,
      links: {
        [CA_BUNDLE]: CA_BUNDLE,
        'etc/ssl/certs/ca-certificates.crt': CA_BUNDLE,
        'etc/pki/tls/certs/ca-bundle.crt': CA_BUNDLE,
      },
    },
    cacert,
  )
}
