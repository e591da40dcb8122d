// Plays a live call: both sides in real time, the caller a little to the left, the agent to the right.
import * as api from "./api.js";
import { decode } from "./sound.js";

/** The sound's delay behind the line, in seconds: the usual one, which covers the jitter of network and browser, and the largest. */
const cushion = 0.12, latest = 0.3;

export class Listener {
  constructor(id, onend) {
    this.context = new AudioContext();
    this.sides = { caller: this.side(-0.5), agent: this.side(0.5) };
    this.stop = api.follow(`calls/${api.at(id)}/listen`, {
      audio: piece => {
        if (piece.cleared) this.clear(this.sides.agent);
        this.play(this.sides.caller, piece.caller);
        this.play(this.sides.agent, piece.agent);
      },
      end: (_, stop) => { stop(); onend(); },
    }, { isPrimary: false });
  }

  side(pan) {
    const panner = new StereoPannerNode(this.context, { pan });
    panner.connect(this.context.destination);
    return { panner, next: 0, nodes: new Set(), isLive: pan < 0 };
  }

  play(side, pieces) {
    for (const text of pieces) {
      const buffer = decode(this.context, text);
      if (!buffer) continue;
      const now = this.context.currentTime;
      // If the buffer ran dry or is too late, the schedule begins anew. The agent's audio comes early and may wait.
      if (side.next < now || (side.isLive && side.next > now + latest)) side.next = now + cushion;
      const node = new AudioBufferSourceNode(this.context, { buffer });
      node.connect(side.panner);
      node.start(side.next);
      side.next += buffer.duration;
      side.nodes.add(node);
      node.onended = () => side.nodes.delete(node);
    }
  }

  clear(side) {
    for (const node of side.nodes) node.stop();
    side.nodes.clear();
    side.next = 0;
  }

  close() {
    this.stop();
    this.context.close();
  }
}
