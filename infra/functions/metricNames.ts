/** Where the functions' counters are found in CloudWatch, each under its own name and that of its function. */
export const metricNamespace = 'benchplane'
