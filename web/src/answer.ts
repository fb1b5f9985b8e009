// A page that answers a form stands in the history as what was sent: to go back to it, or to reload it, would be to send that once more, for
// which browsers ask or of which they show nothing. It becomes the page that the form is on.

const [visit] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
const { here } = document.body.dataset;

if (here !== undefined && (visit?.serverTiming as readonly PerformanceServerTiming[] | undefined)?.some(({ name }) => name === "answer")) history.replaceState(null, "", here);
