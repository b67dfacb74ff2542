/** How stores are opened. */
export interface StoreOptions {
  /** Folder the store's paths are named in; `/nix/store` or what the store itself says. */
  readonly storeDir?: string
  /** `NAME:BASE64` of keys trusted besides the built-in one. */
  readonly trustedPublicKeys?: readonly string[]
  /** False takes paths from caches without a signature. Content is verified all the same. */
  readonly checkSignatures?: boolean
  readonly signal?: AbortSignal
  /** Milliseconds since 1970, for what is registered. Default: the clock. */
  readonly now?: () => number
  /**
   * In place of the process's environment: `NIX_STORE_DIR`, `NIX_STATE_DIR`,
   * `XDG_DATA_HOME`, `HOME` and `PATH` are looked at.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>
}
