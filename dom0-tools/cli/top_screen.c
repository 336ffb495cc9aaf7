// SPDX-License-Identifier: GPL-2.0-only
/*
 * top_screen.c: the screen of `lodge top`, by ncurses.
 *
 * The library knows terminals, and puts back what it has changed before the process stops (SIGTSTP)
 * and when it ends; that it comes to an end on other signals is the caller's affair (cmd_top.c). A
 * terminal whose kernel does not know its size, as a serial line's, has what its description says:
 * 80x24. One without a description, or whose cursor cannot be moved, has no screen.
 */
#include "top.h"

#include <curses.h>
#include <stdlib.h>
#include <term.h> /* takes many a plain word, such as columns */
#include <unistd.h>

static SCREEN *top_terminal;

bool top_screen_begin(void)
{
    const char *term = getenv("TERM");
    bool can_move;
    int wrong;

    if (!term || setupterm(term, STDOUT_FILENO, &wrong) != OK)
        return false;
    can_move = cursor_address != NULL;
    del_curterm(cur_term);
    if (!can_move)
        return false;
    top_terminal = newterm(NULL, stdout, stdin);
    if (!top_terminal)
        return false;
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    timeout(0);
    return true;
}

void top_screen_size(unsigned *high, unsigned *wide)
{
    *high = (unsigned)LINES;
    *wide = (unsigned)COLS;
}

void top_screen_show(const struct top_screen *s)
{
    static const attr_t styles[] = {[TOP_PLAIN] = A_NORMAL,
                                    [TOP_TITLE] = A_BOLD,
                                    [TOP_HEAD] = A_REVERSE,
                                    [TOP_SELECTED] = A_BOLD | A_UNDERLINE};

    erase();
    for (unsigned i = 0; i < s->nr && (int)i < LINES; i++) {
        attrset((int)styles[s->line[i].style]);
        mvaddstr((int)i, 0, s->line[i].text);
    }
    attrset(A_NORMAL);
    refresh();
}

int top_screen_key(void)
{
    int key = getch();

    switch (key) {
    case KEY_UP:
        return TOP_KEY_UP;
    case KEY_DOWN:
        return TOP_KEY_DOWN;
    case KEY_RESIZE:
        return TOP_KEY_RESIZED;
    default:
        return key == ERR ? -1 : key;
    }
}

void top_screen_end(void)
{
    endwin();
    delscreen(top_terminal);
}
