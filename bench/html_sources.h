/* SPDX-License-Identifier: Apache-2.0 */
/* bench/html/ as C strings, which bench/html/embed.py makes at build time. */
#ifndef WW_BENCH_HTML_SOURCES_H
#define WW_BENCH_HTML_SOURCES_H

extern const char ww_html_page_html[], ww_html_page_css[];

/* What all pages draw with, in this order; then the page's own. */
extern const char ww_html_text_js[], ww_html_axis_js[], ww_html_plot_js[], ww_html_rows_js[];
extern const char ww_html_bench_time_js[], ww_html_bench_parts_js[], ww_html_bench_js[];
extern const char ww_html_sweep_js[], ww_html_compare_js[], ww_html_experiment_js[];

#endif
