/// How a page looks, light and dark.
enum PageStyle {
  static let text = """
    :root { color-scheme: light dark; --paper: #fff; --sheet: #f6f8fb; --ink: #1b1f27; --soft: #5c6675; --line: #d5dae2; \
    --accent: #2450c8; --alarm: #a3240f; --bar: #8093b8; }
    @media (prefers-color-scheme: dark) { :root { --paper: #14171c; --sheet: #1d2129; --ink: #e6e9ef; --soft: #9aa4b5; \
    --line: #343b48; --accent: #8fb0ff; --alarm: #ff8f84; --bar: #7d8fb3; } }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 1500px; padding: 20px 24px 60px; background: var(--paper); color: var(--ink); \
    font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
    h1 { margin: 0; font-size: 26px; overflow-wrap: anywhere; }
    h2 { margin: 0; font-size: 18px; }
    header p { margin: 2px 0 14px; color: var(--soft); }
    dl.facts { display: flex; flex-wrap: wrap; gap: 10px; margin: 0 0 20px; }
    dl.facts div { border: 1px solid var(--line); border-radius: 8px; padding: 8px 14px; background: var(--sheet); }
    dt { color: var(--soft); font-size: 12.5px; }
    dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
    .findings { border-left: 4px solid var(--alarm); padding: 4px 14px; margin: 0 0 20px; background: var(--sheet); }
    .findings ul { margin: 4px 0; padding-left: 18px; overflow-wrap: anywhere; }
    .sound { color: var(--soft); margin: 0 0 20px; }
    section { margin-bottom: 34px; }
    .bar { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; margin-bottom: 8px; }
    .bar h2 { margin-right: auto; }
    .hint { color: var(--soft); font-size: 13px; }
    button { font: inherit; color: inherit; background: var(--sheet); border: 1px solid var(--line); border-radius: 6px; \
    padding: 3px 10px; cursor: pointer; }
    input { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 6px; \
    padding: 4px 9px; min-width: 240px; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
    #stage { display: block; width: 100%; height: min(72vh, 820px); border: 1px solid var(--line); border-radius: 8px; \
    touch-action: none; cursor: grab; user-select: none; }
    #stage:active { cursor: grabbing; }
    #stage.far text, #stage .away text { display: none; }
    #stage .layer { cursor: pointer; outline: none; }
    #stage .layer:focus-visible .box, #stage .chosen .box { stroke: var(--accent); stroke-width: 3; stroke-dasharray: none; }
    .scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; max-height: 76vh; }
    table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
    th { position: sticky; top: 0; background: var(--sheet); text-align: left; padding: 0; white-space: nowrap; z-index: 1; }
    th button { all: unset; display: block; padding: 7px 12px; width: 100%; cursor: pointer; font-weight: 600; box-sizing: border-box; }
    th button:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
    th[aria-sort=ascending] button::after { content: " \\25B2"; }
    th[aria-sort=descending] button::after { content: " \\25BC"; }
    td { padding: 4px 12px; border-top: 1px solid var(--line); white-space: nowrap; }
    td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
    td button { all: unset; cursor: pointer; font-weight: 600; }
    td button:focus-visible { outline: 2px solid var(--accent); }
    td button:hover { text-decoration: underline; }
    tr.chosen td { background: color-mix(in srgb, var(--accent) 14%, transparent); }
    tr.alarm td { color: var(--alarm); }
    .histogram { display: block; width: 128px; height: 26px; fill: var(--bar); }
    .table { content-visibility: auto; contain-intrinsic-size: auto 700px; }
    """
}
