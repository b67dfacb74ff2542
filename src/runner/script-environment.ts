/** 1980-01-01, the time that Nix's standard environment gives to everything it makes. */
export const BUILD_EPOCH_SECONDS = 315_532_800

/** Where scripts and what runs them look for programs. */
export const STANDARD_PATH: string = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The whole environment that scripts of a definition run in: nothing of the caller's comes through. */
export function scriptEnvironment(tempDirectory: string): Record<string, string> {
  return {
    PATH: STANDARD_PATH,
    HOME: '/homeless-shelter',
    TZ: 'UTC',
    LC_ALL: 'C',
    SOURCE_DATE_EPOCH: String(BUILD_EPOCH_SECONDS),
    TMPDIR: tempDirectory,
    TEMPDIR: tempDirectory,
    TMP: tempDirectory,
    TEMP: tempDirectory,
  }
}
