/// What makes a page move: the graph pans and zooms, tables are filtered and sorted.
///
/// The page allows this script alone, by its hash; the judge of pages compares it.
enum PageScript {
  /// The SHA-256 of ``text``, base64.
  static let hash = "1YqiyVMktcyuUogf/fo+nizU8l2HqZ+H8mGOm6gnyvs="

  static let text = #"""
    "use strict";
    (() => {
      const stage = document.getElementById("stage");
      const scene = document.getElementById("scene");
      const boxes = [...scene.querySelectorAll(".layer")];
      const rows = new Map([...document.querySelectorAll("#layers tbody tr")].map(row => [row.dataset.layer, row]));
      const size = { width: +stage.dataset.width, height: +stage.dataset.height };
      let view = { x: 0, y: 0, scale: 1 };
      let pending = false;
      // Browsers lay every text that is shown out anew when the scale changes: 70 to 140 ms for a thousand layers. So
      // only boxes that are in sight have texts, and none has when they are too small to be read.
      const number = (element, name) => +element.getAttribute(name);
      const places = boxes.map(box => {
        const frame = box.querySelector(".box"), x = number(frame, "x"), y = number(frame, "y");
        return { x, y, right: x + number(frame, "width"), bottom: y + number(frame, "height") };
      });
      const away = boxes.map(() => false);
      const showTexts = (width, height) => {
        const left = -view.x / view.scale, top = -view.y / view.scale;
        const right = left + width / view.scale, bottom = top + height / view.scale;
        places.forEach((place, index) => {
          const hidden = place.x > right || place.right < left || place.y > bottom || place.bottom < top;
          if (hidden === away[index]) return;
          away[index] = hidden;
          boxes[index].classList.toggle("away", hidden);
        });
      };
      const draw = () => {
        pending = false;
        const far = view.scale < 0.4;
        if (!far) showTexts(stage.clientWidth, stage.clientHeight);
        scene.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
        stage.classList.toggle("far", far);
      };
      const update = next => {
        view = { ...view, ...next };
        if (!pending) { pending = true; requestAnimationFrame(draw); }
      };
      new ResizeObserver(() => update({})).observe(stage);
      const zoom = (factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) => {
        const scale = Math.min(4, Math.max(0.01, view.scale * factor));
        const ratio = scale / view.scale;
        update({ scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio });
      };
      const fit = () => {
        const scale = Math.min(1, stage.clientWidth / size.width, stage.clientHeight / size.height);
        update({ scale, x: (stage.clientWidth - size.width * scale) / 2, y: (stage.clientHeight - size.height * scale) / 2 });
      };
      const start = () => {
        const scale = Math.min(1, Math.max(0.5, stage.clientWidth / size.width));
        const first = boxes.length ? boxes[0].getBBox() : { x: 0, width: size.width };
        const middle = size.width * scale <= stage.clientWidth ? size.width / 2 : first.x + first.width / 2;
        update({ scale, x: stage.clientWidth / 2 - middle * scale, y: 0 });
      };
      const actions = { in: () => zoom(1.4), out: () => zoom(1 / 1.4), fit, start };
      for (const button of document.querySelectorAll("[data-action]"))
        button.addEventListener("click", () => actions[button.dataset.action]());
      stage.addEventListener("wheel", event => {
        if (!event.ctrlKey && !event.metaKey && document.activeElement !== stage && !stage.contains(document.activeElement)) return;
        event.preventDefault();
        const place = stage.getBoundingClientRect();
        zoom(Math.exp(-event.deltaY / 400), event.clientX - place.left, event.clientY - place.top);
      }, { passive: false });
      let drag = null;
      stage.addEventListener("pointerdown", event => {
        if (event.button !== 0) return;
        drag = { x: event.clientX - view.x, y: event.clientY - view.y, far: false, fromX: event.clientX, fromY: event.clientY };
      });
      stage.addEventListener("pointermove", event => {
        if (!drag || !(event.buttons & 1)) { drag = null; return; }
        if (!drag.far && Math.hypot(event.clientX - drag.fromX, event.clientY - drag.fromY) < 4) return;
        if (!drag.far) { drag.far = true; stage.setPointerCapture(event.pointerId); }
        update({ x: event.clientX - drag.x, y: event.clientY - drag.y });
      });
      stage.addEventListener("pointerup", () => { drag = null; });
      const centre = box => {
        const place = box.getBBox();
        const scale = Math.max(view.scale, 0.6);
        update({ scale, x: stage.clientWidth / 2 - (place.x + place.width / 2) * scale,
          y: stage.clientHeight / 2 - (place.y + place.height / 2) * scale });
      };
      let chosen = null;
      const choose = (key, moves) => {
        if (chosen !== null) for (const one of [rows.get(chosen), boxes.find(box => box.dataset.layer === chosen)])
          if (one) { one.classList.remove("chosen"); one.removeAttribute("aria-current"); }
        chosen = key;
        const box = boxes.find(box => box.dataset.layer === key), row = rows.get(key);
        for (const one of [row, box]) if (one) { one.classList.add("chosen"); one.setAttribute("aria-current", "true"); }
        if (box && moves) centre(box);
        return { box, row };
      };
      let current = 0;
      const focus = index => {
        if (!boxes.length) return;
        boxes[current].setAttribute("tabindex", "-1");
        current = Math.min(boxes.length - 1, Math.max(0, index));
        boxes[current].setAttribute("tabindex", "0");
        boxes[current].focus({ preventScroll: true });
        choose(boxes[current].dataset.layer, true);
      };
      scene.addEventListener("click", event => {
        const box = event.target.closest(".layer");
        if (!box) return;
        boxes[current].setAttribute("tabindex", "-1");
        current = boxes.indexOf(box);
        box.setAttribute("tabindex", "0");
        box.focus({ preventScroll: true });
        choose(box.dataset.layer, false);
      });
      stage.addEventListener("keydown", event => {
        const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key in steps) focus(current + steps[event.key]);
        else if (event.key === "Home") focus(0);
        else if (event.key === "End") focus(boxes.length - 1);
        else if (event.key === "+" || event.key === "=") zoom(1.4);
        else if (event.key === "-") zoom(1 / 1.4);
        else if (event.key === "0") fit();
        else if (event.key === "Enter") {
          const link = rows.get(boxes[current].dataset.layer);
          if (link) { link.scrollIntoView({ block: "center" }); link.querySelector("button").focus({ preventScroll: true }); }
        } else return;
        event.preventDefault();
      });
      document.querySelector("#layers tbody").addEventListener("click", event => {
        const button = event.target.closest("button");
        if (!button) return;
        const { box } = choose(button.closest("tr").dataset.layer, true);
        if (box) stage.scrollIntoView({ block: "nearest" });
      });
      for (const section of document.querySelectorAll("section.table")) {
        const body = section.querySelector("tbody"), field = section.querySelector("input"), status = section.querySelector("output");
        const all = [...body.rows], texts = all.map(row => row.textContent.toLowerCase());
        const filter = () => {
          const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
          let count = 0;
          all.forEach((row, index) => {
            const fits = words.every(word => texts[index].includes(word));
            row.hidden = !fits;
            if (fits) count += 1;
          });
          status.textContent = `${count} of ${all.length}`;
        };
        field.addEventListener("input", filter);
        filter();
        section.querySelector("thead").addEventListener("click", event => {
          const button = event.target.closest("button");
          if (!button) return;
          const head = button.closest("th"), column = head.cellIndex;
          const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
          for (const other of section.querySelectorAll("th")) other.setAttribute("aria-sort", "none");
          head.setAttribute("aria-sort", order);
          const sign = order === "ascending" ? 1 : -1;
          const key = row => {
            const cell = row.cells[column];
            return "value" in cell.dataset ? (cell.dataset.value === "" ? NaN : +cell.dataset.value) : cell.textContent;
          };
          const keys = new Map(all.map(row => [row, key(row)]));
          const sorted = [...all].sort((a, b) => {
            const x = keys.get(a), y = keys.get(b);
            if (typeof x === "string") return sign * x.localeCompare(y, undefined, { numeric: true });
            if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
            return sign * (x - y);
          });
          body.append(...sorted);
        });
      }
      start();
    })();
    """#
}
