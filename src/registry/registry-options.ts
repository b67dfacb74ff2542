import type { Environment, Patience } from '#http'

/** How a registry is talked to. */
export interface RegistryOptions {
  /**
   * False takes any certificate, and plain HTTP where the registry does not speak TLS. Default: true; then plain HTTP
   * is for `localhost` and loopback addresses only.
   */
  readonly tlsVerify?: boolean
  /**
   * Folder with certificates for the registry, as in `/etc/docker/certs.d/HOST`: `*.crt` are authorities, `*.cert`
   * with `*.key` our own. Default: the registry's folder in `~/.config/containers/certs.d`,
   * `/etc/containers/certs.d` or `/etc/docker/certs.d`, whichever is there first.
   */
  readonly certificatesDirectory?: string
  readonly signal?: AbortSignal | undefined
  readonly patience?: Partial<Patience>
  /** Credentials, proxies and certificates are found with it. Default: `process.env`. */
  readonly environment?: Environment
}
