// The time of a packet as `tcpdump -tttt` writes it, by which it is found again there: `2016-07-06 19:46:03.250000`.

export class Stamp {
  #second = Number.NaN;
  #text = "";

  /** Of a time in seconds since 1970: local time. */
  of(time: number): string {
    const micros = Math.round(time * 1e6);
    const second = Math.floor(micros / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = textOf(new Date(1000 * second));
    }
    return `${this.#text}.${String(micros - 1e6 * second).padStart(6, "0")}`;
  }
}

function textOf(at: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
