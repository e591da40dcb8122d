// The microphone, on the browser's audio thread: any rate in, frames of 20 ms of 8 kHz µ-law out, as from a telephone.

const rate = 8000, frame = 160, phases = 32;

/** G.711 µ-law of one sample in -1...1. */
const encode = sample => {
  const value = Math.max(-32635, Math.min(32635, Math.round(sample * 32768))), sign = value < 0 ? 0x80 : 0;
  const biased = Math.abs(value) + 132, exponent = 31 - Math.clz32(biased) - 7;
  return ~(sign | exponent << 4 | biased >> exponent + 3 & 0x0f) & 0xff;
};

/** A low-pass at 3.6 kHz for each fractional position of an output sample: rows of coefficients that sum to 1. */
const filters = step => {
  const reach = Math.ceil(10 * step), cutoff = 3600 / (rate * step);
  return Array.from({ length: phases }, (_, phase) => {
    const row = Float32Array.from({ length: 2 * reach }, (_, i) => {
      const t = i - reach + 1 - phase / phases, x = 2 * cutoff * t, w = t / reach;
      const sinc = Math.abs(x) < 1e-9 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      return Math.abs(w) >= 1 ? 0 : sinc * (0.42 + 0.5 * Math.cos(Math.PI * w) + 0.08 * Math.cos(2 * Math.PI * w));
    });
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map(c => c / sum);
  });
};

registerProcessor("microphone", class extends AudioWorkletProcessor {
  step = sampleRate / rate;
  rows = filters(this.step);
  length = this.rows[0].length;
  held = new Float32Array(this.length + 4096);
  count = 0;
  /** The position of the next output among the held samples. */
  at = 0;
  out = new Uint8Array(frame);
  filled = 0;
  peak = 0;

  process([[input]]) {
    if (!input) return true;
    this.held.set(input, this.count);
    this.count += input.length;
    for (; Math.floor(this.at) + this.length < this.count; this.at += this.step) {
      const begin = Math.floor(this.at), row = this.rows[Math.floor((this.at - begin) * phases)];
      let sum = 0;
      for (let i = 0; i < this.length; i++) sum += row[i] * this.held[begin + i];
      this.peak = Math.max(this.peak, Math.abs(sum));
      this.out[this.filled++] = encode(sum);
      if (this.filled === frame) {
        this.port.postMessage({ bytes: this.out, peak: this.peak }, [this.out.buffer]);
        this.out = new Uint8Array(frame);
        this.filled = 0;
        this.peak = 0;
      }
    }
    const done = Math.floor(this.at);
    this.held.copyWithin(0, done, this.count);
    this.count -= done;
    this.at -= done;
    return true;
  }
});
