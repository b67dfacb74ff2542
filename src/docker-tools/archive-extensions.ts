/** What the name of an archive ends in, by how it is compressed. */
export const EXTENSIONS: Readonly<Record<string, string>> = { none: '', gz: '.gz', zstd: '.zst' }
