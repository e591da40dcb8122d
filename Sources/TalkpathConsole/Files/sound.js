// Telephone audio for the loudspeaker.

const table = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = ~code & 0xff, step = ((bits & 0x0f) << 3) + 0x84 << ((bits & 0x70) >> 4);
  return (bits & 0x80 ? 0x84 - step : step - 0x84) / 32768;
});

/** An audio buffer of base64 µ-law at 8 kHz; null of an empty text. */
export function decode(context, text) {
  const bytes = atob(text);
  if (!bytes.length) return null;
  const buffer = context.createBuffer(1, bytes.length, 8000), samples = buffer.getChannelData(0);
  for (let i = 0; i < bytes.length; i++) samples[i] = table[bytes.charCodeAt(i)];
  return buffer;
}
