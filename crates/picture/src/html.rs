//! The page: one file, no network. Style, program, drawing and data are put into a
//! frame; the program only reads the data and moves what is there.
//!
//! Charts and timeline are drawn by the page's own program of a few hundred lines: a
//! chart library would be several times the size of the whole page.

use crate::{
    Picture,
    svg::{STYLE, drawing},
};

/// The frame, with a mark for each part.
const FRAME: &str = include_str!("page.html");

/// The DAG as a page to explore.
pub fn html(picture: &Picture) -> String {
    let parts = [
        ("/*picture.css*/", STYLE.to_owned()),
        ("/*page.css*/", include_str!("page.css").to_owned()),
        ("/*page.js*/", include_str!("page.js").to_owned()),
        ("<!--drawing-->", drawing(picture)),
        ("<!--block-->", picture.block.to_string()),
        // Last: what is in it is never taken for a mark.
        ("<!--data-->", data(picture)),
    ];
    parts.iter().fold(FRAME.to_owned(), |page, (mark, part)| page.replace(mark, part))
}

/// The data as JSON in which nothing can end the element that it stands in.
fn data(picture: &Picture) -> String {
    // Plain data without maps: there is nothing that JSON could not hold.
    let json = serde_json::to_string(picture).unwrap_or_else(|_| "null".to_owned());
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transaction;

    #[test]
    fn data_cannot_end_its_element() {
        let unknown = vec!["</script><script>alert(1)</script><!--data-->".to_owned()];
        let transactions = vec![Transaction { unknown, ..Transaction::default() }];
        let groups = vec![vec![0]];
        let page = html(&Picture { transactions, groups, ..Picture::default() });
        assert!(!page.contains("<script>alert"));
        assert_eq!(page.matches("</script>").count(), FRAME.matches("</script>").count());
    }

    #[test]
    fn a_page_loads_nothing() {
        let page = html(&Picture::default());
        for outside in ["src=", "@import", "url(", "<link", "fetch("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
