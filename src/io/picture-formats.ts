/** How a picture's file is read: by sharp's decoder of that name, or, for `svg`, in a process of its own. */
export type PictureFormat = "jpeg" | "png" | "webp" | "gif" | "tiff" | "avif" | "svg";

/** The characters that files of a format hold from a certain byte on, one for each byte; with alternatives. */
type Signatures<Name> = readonly (readonly [format: Name, at: number, ...alternatives: string[]])[];

const READ: Signatures<PictureFormat> = [
  ["jpeg", 0, "\xff\xd8\xff"],
  ["png", 0, "\x89PNG\r\n\x1a\n"],
  ["gif", 0, "GIF87a", "GIF89a"],
  ["tiff", 0, "II*\0", "MM\0*", "II+\0", "MM\0+"],
];

/** Formats that sharp's build has no decoder for. */
const NOT_READ: Signatures<string> = [
  ["BMP", 0, "BM"],
  ["PBM, PGM, PPM or PFM", 0, ...[..."1234567Ff"].flatMap((kind) => [`P${kind}\n`, `P${kind} `, `P${kind}\r`])],
  ["JPEG 2000", 0, "\0\0\0\fjP  ", "\xff\x4f\xff\x51"],
  ["JPEG XL", 0, "\0\0\0\fJXL ", "\xff\n"],
  ["JPEG XR", 0, "II\xbc"],
  ["ICO or CUR", 0, "\0\0\x01\0", "\0\0\x02\0"],
  ["Photoshop", 0, "8BPS"],
  ["PDF", 0, "%PDF-"],
  ["PostScript", 0, "%!PS"],
  ["OpenEXR", 0, "v/1\x01"],
  ["Radiance HDR", 0, "#?R"],
  ["DDS", 0, "DDS "],
  ["QOI", 0, "qoif"],
  ["FITS", 0, "SIMPLE  ="],
  ["DICOM", 128, "DICM"],
  ["GIMP", 0, "gimp xcf"],
  ["Matroska or WebM", 0, "\x1aE\xdf\xa3"],
];

/** Bytes that are looked at. */
const LOOKED_AT = 1000;

/**
 * What a file holds, by its first bytes; its name does not matter. Nothing that libvips would take for SVG is given
 * another name here, so that SVG is drawn in a process of its own only.
 *
 * @returns the format, or the name of one that is not read, or undefined where the bytes say nothing
 */
export function pictureFormat(bytes: Uint8Array): { read: PictureFormat } | { notRead: string } | undefined {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, LOOKED_AT)).toString("latin1");
  const read = named(READ, start);
  if (read !== undefined) return { read };
  // Two containers, of pictures as of other things.
  if (start.startsWith("RIFF")) return start.startsWith("WEBP", 8) ? { read: "webp" } : { notRead: "AVI or WAVE" };
  if (/^\0{3}.ftyp/s.test(start)) return ofBrands(start.slice(8, start.charCodeAt(3)));
  const notRead = named(NOT_READ, start);
  if (notRead !== undefined) return { notRead };
  // XML behind a byte-order mark and white space, or compressed by gzip.
  return /^(?:\xef\xbb\xbf)?\s*</.test(start) || start.startsWith("\x1f\x8b") ? { read: "svg" } : undefined;
}

function named<Name>(signatures: Signatures<Name>, start: string): Name | undefined {
  return signatures.find(([, at, ...alternatives]) => alternatives.some((text) => start.startsWith(text, at)))?.[0];
}

/** AVIF, HEIC and MP4 share a container, whose first box lists what a file is compatible with. */
function ofBrands(brands: string): { read: PictureFormat } | { notRead: string } {
  if (/avi[fs]/.test(brands)) return { read: "avif" };
  return { notRead: /he[iv]|m(?:if|sf)1/.test(brands) ? "HEIC" : "MP4" };
}
