/** What a user has to say to a registry about who he is. */
export type Credential =
  | { readonly type: 'password'; readonly username: string; readonly password: string }
  /** Is given to a token server for a token. */
  | { readonly type: 'identity-token'; readonly token: string }
  /** Is the token already. */
  | { readonly type: 'registry-token'; readonly token: string }

/** Texts that may never be shown. */
export function secretsOf(credential: Credential): readonly string[] {
  if (credential.type !== 'password') return [credential.token]
  return [credential.password, Buffer.from(`${credential.username}:${credential.password}`, 'utf8').toString('base64')]
}
