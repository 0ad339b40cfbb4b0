# For the scripts beside it: firmware and a policy as the one Intel hex file that Teensy's loader takes.

# Writes it, and reads it again as the chip's boot ROM does, as a board that does not start says nothing.
teensy_hex() { # FIRMWARE POLICY ADDRESS_OF_POLICY HEX
    local flash=0x60000000 image=$4.bin head end entry reset
    objcopy -O ihex --add-section ".policy=$2" --set-section-flags .policy=alloc,load \
        --change-section-address ".policy=$3" "$1" "$4"
    objcopy -I ihex -O binary "$4" "$image"
    word() { # ADDRESS
        printf '0x%s' "$(od -An -tx4 -j $(($1 - flash)) -N 4 "$image" | tr -d ' ')"
    }
    mapfile -n 2 head <"$4"
    [[ ${head[0]} == :0200000460009A* && ${head[1]} == :10000000* ]] ||
        fail "$4 does not begin where flash does"
    [ "$(word 0x60000000)" = 0x42464346 ] || fail "$4 has no FlexSPI configuration block"
    [ "$(word 0x60001000) $(word 0x60001014)" = '0x402000d1 0x60001000' ] ||
        fail "$4 has no image vector table"
    # What it says of the program: where it ends, and its vectors, of which the second one is where it starts.
    end=$((flash + $(word $(($(word 0x60001010) + 4)))))
    entry=$(word 0x60001004)
    ((flash < entry && entry < end && end <= $3)) || fail "$4 has no vectors in its program"
    reset=$(word $((entry + 4)))
    ((flash < reset && reset < end && reset & 1)) || fail "$4 does not start in its program"
    cmp -n "$(wc -c <"$2")" -i $(($3 - flash)):0 "$image" "$2" || fail "$4 has another policy"
}
