// What was chosen or dropped: files by their names and sizes, folders with all that is below them.

export const PICTURE = /\.(png|jpe?g|tiff?|webp|bmp)$/i;
/** What is no image by its very name; of everything else the server looks at the content. */
export const OTHER =
  /\.(pdf|md|docx?|xlsx?|txt|html?|xml|css|js|exe|dll|inf|ini|db|ico|gif|svg|rar|7z|csv|json|log|bat|jar|md5|chm)$/i;
export const SKIPPED = /(^|\/)(\.|__MACOSX(\/|$))|(^|\/)(thumbs\.db|desktop\.ini|license|readme)$/i;

/**
 * Every file below an entry, with its path from there.
 * @param {FileSystemEntry} entry
 * @returns {Promise<{file: File, path: string}[]>}
 */
export async function filesOf(entry) {
  if (entry.isFile) {
    const one = /** @type {FileSystemFileEntry} */ (entry);
    /** @type {File} */
    const file = await new Promise((resolve, reject) => one.file(resolve, reject));
    return [{ file, path: entry.fullPath }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {{file: File, path: string}[]} */
  const files = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return files;
    for (const each of some) files.push(...(await filesOf(each)));
  }
}

/**
 * @param {number} bytes
 * @returns {string}
 */
export function sizeOf(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))}\u00a0KB` : `${(bytes / 1e6).toFixed(1)}\u00a0MB`;
}
