using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Pampa.Ssh.Tests.Servers;

/// <summary>Who listens on a port of this computer.</summary>
internal static partial class Listeners
{
    /// <summary>The number of a user who is neither root nor the one who logs in.</summary>
    public const uint Stranger = 65_534;

    /// <summary>Whether the port could be had; who has ended a moment ago may have it still.</summary>
    public static bool TryStart(TcpListener listener)
    {
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }

    /// <summary>Makes it the stranger's own, in the kernel's eyes. Takes root.</summary>
    public static void GiveAway(TcpListener listener) => Assert.Equal(0, ChangeOwner((int)listener.Server.Handle, Stranger, Stranger));

    /// <summary>One on all addresses, of both kinds.</summary>
    public static TcpListener OnAll(int port)
    {
        var listener = new TcpListener(IPAddress.IPv6Any, port);
        listener.Server.DualMode = true;
        return listener;
    }

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOwner(int descriptor, uint user, uint group);
}
