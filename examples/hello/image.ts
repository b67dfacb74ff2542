import { type ArchiveRecipe, buildLayeredImage, fakeNss, fromBinaryCache, writeTextDir } from 'dockertools'

/** A small program from the binary cache beside this example. */
const hello = fromBinaryCache('/nix/store/1rxj0f9d4h34pihxzxqrd5hn8yfhfb5f-hello-1.0', {
  cache: new URL('../cache', import.meta.url).href,
})

/** Made on the way: a file that names the program, and who it runs as. */
const about = writeTextDir('etc/about', `Says hello: ${hello}/bin/hello\n`)
const users = fakeNss({ extraPasswdLines: ['guest:x:1000:1000::/:/bin/hello'], extraGroupLines: ['guest:x:1000:'] })

const image: ArchiveRecipe = buildLayeredImage({
  name: 'hello',
  tag: 'latest',
  architecture: 'amd64',
  contents: [hello, about, users],
  config: { Cmd: ['/bin/hello'], User: 'guest' },
})
export default image
