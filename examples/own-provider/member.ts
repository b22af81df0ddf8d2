import { FolderProvider } from './folder-provider.js';

/** For the processes that the conformance suite starts: a provider over the same folder. */
export function createProvider(): FolderProvider {
  return new FolderProvider(process.env['OWN_PROVIDER_FOLDER'] ?? '');
}
