// What the page does with what it is told: text as text, and the drawing, which is duetctl's own.

const part = (id) => document.getElementById(id);

let drawn;

function draw(svg) {
  if (svg !== drawn) {
    const parsed = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
    part("picture").replaceChildren(document.importNode(parsed, true));
    drawn = svg;
  }
}

function say(text, isOld) {
  part("said").textContent = text;
  document.body.classList.toggle("old", isOld);
}

function show({ time, problem, title, picture, status, doing, drift }) {
  if (problem !== undefined) {
    say(`At ${time}: ${problem}`, true);
    return;
  }
  document.title = title;
  draw(picture);
  part("status").textContent = status;
  part("doing").textContent = doing.line;
  part("log").textContent = doing.log.join("\n");
  part("log").hidden = doing.log.length === 0;
  part("drift").textContent = drift.line;
  part("drifted").replaceChildren(
    ...drift.lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })),
  );
  say(`As of ${time}.`, false);
}

const events = new EventSource("/events");
events.onmessage = ({ data }) => show(JSON.parse(data));
// The browser itself tries again, unless it was refused.
events.onerror = () =>
  say("duetctl status --web has ended, or does not answer: run it again, and open its address.", true);

part("ask").onclick = () => fetch("/ask");
