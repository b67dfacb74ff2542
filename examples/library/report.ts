/**
 * Prints what an image is made of, without writing it anywhere.
 *
 *     npx node examples/library/report.ts
 */
import { type BuildOptions, DockerToolsError, streamLayeredImage } from 'dockertools'

const options: BuildOptions = {
  stores: [new URL('../cache', import.meta.url).href],
  trustedPublicKeys: ['dockertools-examples-1:G+iHv47ANk5mFLzyPc4+NRygoZa1VHfCZqMzEKC3brc='],
}

const image = streamLayeredImage({
  name: 'hello',
  architecture: 'amd64',
  contents: '/nix/store/1rxj0f9d4h34pihxzxqrd5hn8yfhfb5f-hello-1.0',
  config: { Cmd: ['/bin/hello'] },
})

try {
  console.log(`${image.imageName}:${await image.imageTag(options)}`)
  for (const paths of await image.layers(options)) console.log(`  ${paths.join(' ')}`)
  const { imageId, archiveBytes } = await image.writeTo({ write: () => undefined }, options)
  console.log(`${imageId}, ${archiveBytes} bytes`)
} catch (error) {
  if (!(error instanceof DockerToolsError)) throw error
  console.error(`${error.code}: ${error.message}`)
  process.exitCode = 1
}
